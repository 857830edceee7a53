(* let fake x = (* nested *) 1 *)
open Printf
type 'a tree = Leaf | Node of 'a
exception Missing of string
let limit = 10
let rec add x y =
  let local = 'c' in
  x + y
and sub x = x
module Inner = struct
  let deep x = "let s"
end
module type S = sig
  val get : int -> int
end
