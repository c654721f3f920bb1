// Package demo runs a server, a dispatcher and workers in one process, and shows
// what they do, for "ha demo".
package demo
