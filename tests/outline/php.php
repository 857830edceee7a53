<html><body class="function fake()"><?php
namespace App\Http;

use function strlen;
// class Fake {}
# function fake() {}

const VERSION = '1.0';

#[Attribute(flags: 1)]
abstract class Request extends Message implements \JsonSerializable
{
    use HasHeaders;
    public const METHOD_GET = 'GET';
    private array $items = ['class' => 'function x() {'];

    public function __construct(private string $uri, protected ?int $port = null) {}

    public static function &create(string $method): static
    {
        $text = <<<EOT
            function inHeredoc() {
            EOT;
        $callback = function ($x) use ($text) { return "}{$x['a']}"; };
        $object = new class extends Base { public function inner() {} };
        return new static(Request::class);
    }

    abstract protected function send(): void;
}

interface Sender { public function go(int $a): bool; }
trait HasHeaders { private function headers() { return []; } }
enum Suit: string { case Hearts = 'H'; public function label(): string { return 'x'; } }

function helper(array $a = [], ...$rest) {
    if ($a) { return fn($x) => $x; }
}
?>
<p>function html() {</p>
<?php
final readonly class Last {}
