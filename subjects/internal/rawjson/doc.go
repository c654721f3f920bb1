// Package rawjson reads and writes JSON by hand: for the messages that come and go by
// the hundred thousand, and the values in them that are passed on as they are.
//
// It knows no message. [Reader] takes apart what is written without blanks between its
// fields, as our own packages and most others write it; whatever it does not take is
// left to encoding/json, and [Explain] says in the words of JSON what that found wrong.
// The Append functions write what encoding/json would. Package subjects holds the two
// against each other, message by message, in its fuzz tests.
package rawjson
