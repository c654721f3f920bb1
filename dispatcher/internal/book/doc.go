// Package book writes journals for tests: one as the state machine and its leaders
// write it ([Write]), which can be damaged at places that have names, and those
// that an earlier commit wrote ([Stored]).
package book
