@file:JvmName("Orders")
package org.example

import kotlin.math.max

/** class Fake */
const val MAX = 10
private val cache: MutableMap<String, List<Int>> = mutableMapOf()

typealias Handler = (String) -> Unit

data class Point(val x: Int, val y: Int = 0)

@Serializable
sealed class Result<out T : Any>(
    private val name: String,
) : Base(name), Comparable<T> {
    val size: Int
        get() = 1
    var label = "fun x() {"

    constructor(a: Int) : this("$a")

    init {
        val local = 1
    }

    override suspend fun <R> map(transform: (T) -> R): Result<R> {
        fun nested() = 1
        val text = """
            fun inText() {
        """
        val inner = when { else -> "${if (true) "}" else "{"}" }
        return transform(this)
    }

    companion object {
        fun create() = Result()
    }
    inner class Node
}

fun String.shout(): String = uppercase()
fun <T> List<T>.second(): T? = getOrNull(1)
inline fun <reified T> measure(block: () -> T): T {
    return block()
}
fun `test with spaces`() { }

enum class Level(val n: Int) { LOW(1), HIGH(2);
    fun next() = HIGH
}
fun interface Action { fun run(x: Int) }
object Registry : Base() {
    internal fun register() {}
}

private val String.shouted: String get() = uppercase()
var Map<String, List<Int>>.Entry.label: String?
    get() = null
    set(value) {}
val <T> List<T>?.sizeOrZero: Int get() = 0
fun runner() = object : Runnable {
    override fun run() {}
}
class Holder {
    val lazyValue by lazy {
        fun inside() = 1
        inside()
    }
}
