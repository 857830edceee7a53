# frozen_string_literal: true

=begin
class Fake
end
=end
require 'set'

module Shop::Orders
  MAX_LINES = 10
  Point = Struct.new(:x, :y)

  class Order < Base
    attr_reader :id

    class << self
      def build(attrs) = new(**attrs)
    end

    def initialize(id, items: [])
      @id = id
      @sql = <<~SQL
        def in_heredoc
      SQL
      @words = %w[def class end]
      @re = /def "x"/
    end

    def self.find(id)
      return unless id
      puts "#{id ? "def x" : 'end'}"
    end

    def valid?; !@id.nil?; end
    def name=(value)
      @name = value
    end

    def ==(other)
      id == other.id
    end

    def [](key) = @items[key]

    private

    def secret
      x = 10 / 2
      yield x if x / 2 > 1
    end
  end

  def self.call(*args) end
end

class ::Shop::Error < StandardError; end
def top_level(a, b = {}) ; end
__END__

def delimited
  assert_equal %{it's}, link %q(don't)
  assert_match %r{^[a-z']*$}, text
end

def after_delimited; end
