# resource "fake" "x" {
resource "aws_instance" "web" {
  ami = "x"
  tags = { a = "}" }
}
variable "region" {
}
locals {
  a = 1
}
