// Package cache keeps things.
package cache

import "fmt"

const Version = "1.0"

const (
	stateOpen = iota
	stateClosed
)

var ErrMissing, errOther = fmt.Errorf("func x() {"), fmt.Errorf(`
func raw() {
`)

type (
	Key   string
	Entry struct {
		value interface{}
		next  *Entry
	}
)

type Store interface {
	Get(key Key) (interface{}, error)
	fmt.Stringer
}

type Cache[K comparable, V any] struct {
	items map[K]struct{ v V }
}

type HandlerFunc func(w Writer, r *Request)

func New[K comparable, V any]() *Cache[K, V] {
	c := &Cache[K, V]{}
	type local struct{ a int }
	f := func(x int) int {
		return x
	}
	const inner = 'x'
	return c
}

func (c *Cache[K, V]) Get(key K) (interface{ String() string }, error) {
	switch {
	case key == '}':
	}
	return nil, ErrMissing
}

func init() {}
