defmodule Shop.Orders do
  @moduledoc """
  def fake, do: nothing
  """
  use GenServer
  @timeout 5_000

  @type id :: integer
  @callback handle(id) :: :ok

  defstruct [:id, name: "def x do"]

  @doc """
  Starts it.

      def example do
  """
  @spec start(id) :: :ok
  def start(id) when is_integer(id) do
    text = ~s(def sigil do)
    "#{if id, do: "def x", else: 'end'}" <> text
  end

  def start(_), do: :error
  def valid?(%{id: id}), do: id > ?"

  defp helper(a, b) do
    # def commented do
    fn x -> x end
  end

  defmacro unless_nil(x, do: block) do
    quote do
      if unquote(x), do: unquote(block)
    end
  end

  defmodule Inner do
    def deep, do: 1
  end
end

defprotocol Size do
  def size(data)
end

defimpl Size, for: List do
  def size(list), do: length(list)
end

defmodule Operators do
  def left + right do
    add(left, right)
  end

  defmacro left or right do
    left
  end

  def +value, do: value

  def unquote(name)(), do: nil
end
