package org.example

import scala.collection.mutable

/* object Fake /* nested */ { */
package object util {
  val Version = "1.0"
}

sealed abstract class Shape[+A](val name: String) extends Base
    with Serializable {
  private[this] val cache = mutable.Map.empty[String, Int]
  var count: Int = 0
  type Key = String

  def area: Double
  def +(other: Shape[A]): Shape[A] = {
    val local = 'x'
    def helper(n: Int): Int = n * 2
    val text = """
def inText = 1
"""
    this
  }
  implicit def convert[B](x: B)(implicit ev: B <:< A): String = s"${x match { case _ => "}" }}"
}

final case class Circle(
    r: Double,
    label: String = "class X"
) extends Shape[Int]("c")

case object Empty
object Shape {
  @inline final def apply(x: Int): Shape[Int] =
    new Circle(x)
  lazy val default: Shape[Int] = apply(1)
}
trait Visitor[F[_]] { self =>
  def visit(s: Shape[_]): F[Unit]
}
enum Color(val rgb: Int):
  case Red extends Color(1)
  def hex = rgb.toHexString

class Aux(a: Int) {
  def this() = this(0)
  def value_=(x: Int): Unit = ()
  def run() = new Runnable {
    val started = 1
    def go() = {
      val local = 2
    }
  }
  locally {
    val hidden = 3
  }
}
