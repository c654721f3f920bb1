// Package process starts real processes, waits for them and ends them, for tests,
// for the proofs and for the comparison with other systems.
//
// A [Starter] knows every process that it started. Where the program that owns it is
// killed, the kernel kills the processes with it on Linux; elsewhere they stay.
// Nothing is signalled but processes whose end was not seen yet, so a signal cannot
// reach a stranger that was given the same process id.
package process
