// class Fake {}
import 'x.dart';

const version = '1.0';
abstract class Shape<T> extends Base with Mixin {
  final String name;
  static const max = 3;
  Shape(this.name, {int a = 1});
  Shape.named(String n) : name = n;
  factory Shape.of(String s) { return Shape(s); }
  double get area => 1.0;
  Future<void> load(int x) async {
    if (x > 1) { print('${x > 2 ? 'void f() {' : "}"}'); }
  }
}
mixin Mixin on Base {}
extension Text on String { bool get blank => isEmpty; }
enum Color { red, green }
void main(List<String> args) {}
int twice(int x) => x * 2;
