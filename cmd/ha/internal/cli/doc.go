// Package cli is what the commands of ha have in common, and what is no command:
// the environment, exit statuses, signals, how to connect, the log, tables, the
// values of flags, and parts that are started and stopped.
//
// It knows no command: cmd/ha hands it the tree of them, and [Run] runs one. Its
// functions are for the one goroutine that runs the command, unless they say otherwise.
package cli
