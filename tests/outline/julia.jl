#= function fake() end =#
module Shapes
const LIMIT = 10
abstract type Shape end
mutable struct Circle{T} <: Shape
    r::T
end
"""
    area(c)
"""
function area(c::Circle)
    x = c.r' * 2
    return "function y()"
end
twice(x) = 2x
Base.show(io::IO, c::Circle) = print(io, 'c')
macro trace(e) e end
end
