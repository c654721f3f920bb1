// Package program runs a program of any kind for each task: the payload on its
// standard input, the result from its standard output, its exit status and
// standard error as the failure.
//
// A program runs in a process group of its own. Whatever is left of the group
// when the program has ended, or when the task is cancelled, is told to end and
// then killed. Where the worker itself is killed, which it cannot help, a guard
// kills the groups: a small shell that outlives it. Only a process that leaves its
// group on purpose, as daemons do, escapes all this. Systems without process
// groups have neither: there the program alone is killed.
package program
