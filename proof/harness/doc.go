// Package harness runs the ha command as real processes, does to them what
// happens to processes (kill -9, SIGTERM, SIGSTOP), and measures from the outside what
// the workers notice of it. It knows the protocol and the command line, and
// nothing of what is behind them.
//
// A [Lab] owns everything: the binary, a directory, the processes. A [Group] is
// some dispatchers in it, with NATS apart or embedded in each. An [Observer]
// listens to all that is said, and asks for the status. Workers, be they processes
// or a [RawWorker], write each activation they accept into one [Ledger], which is
// what every figure is taken from.
//
// A [Program] is the main function of every command of the proof: it reads the command
// line, plays the scenarios that were chosen, each as a [Trial], and prints and saves
// the [Report]. A command adds its flags and its scenarios.
//
// # What ends when
//
// A process ends with its Lab at the latest, and the Lab with its context. Where
// the program that owns the Lab is killed, the kernel kills the processes with it
// on Linux; elsewhere they stay. Nothing is signalled but processes that the Lab
// started and whose end it has not seen yet, so a signal cannot reach a stranger
// that was given the same process id.
//
// # Time
//
// All times are taken in this process: that of a signal just before it is sent,
// that of an activation when the worker's message or line of its log arrives. Both
// make a failover look longer than it was, never shorter.
package harness
