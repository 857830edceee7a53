# fake <- function(x) x
limit <- 10
add <- function(a, b = "}") {
  inner = function(x) x
  a + b
}
.hidden <<- function() NULL
