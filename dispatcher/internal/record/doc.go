// Package record holds what the journal keeps: the records, each of which is one
// change of the dispatcher's state, and their form in bytes.
//
// # One list of fields
//
// A record is a struct and one method, fields, which passes each field to a [Codec]
// by name, in the order of its bytes. The Codec appends the fields to a buffer, reads
// them from one, or shows them to a visitor. So the encoder, the decoder and the text
// that people see of a record cannot differ from each other. To add a record, write
// the struct and its list, and give it a number in the table of types; nothing else in
// this package changes.
//
// # The bytes
//
// An entry of the journal is one byte, the [FormatVersion], and then one record after
// another: the number of its [Type] in a byte, then its fields. Whole numbers are
// varints, times are nanoseconds since 1970, and 0 is the zero time. Strings, byte
// slices and lists begin with their length. Numbers of types, states, reasons and
// outcomes are part of the format and are never used again for something else.
//
// # Memory
//
// A [Buffer] encodes a record when it is added and keeps no reference to it, so the
// state machine fills in the same structs again and again. A [Decoder] does the same
// on the way back. Strings that many records share are found by an [Interner] instead
// of being allocated.
package record
