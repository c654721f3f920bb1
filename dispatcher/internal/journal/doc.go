// Package journal keeps what the dispatcher decided. A [Log] is a sequence of
// entries with one writer at a time; an append names the entry it follows, and
// is refused where another one came between. The journal knows nothing of what
// the bytes of an entry mean.
//
// [Memory] keeps the entries in this process: they end with it.
package journal
