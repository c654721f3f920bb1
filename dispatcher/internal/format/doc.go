// Package format numbers the forms that a journal's bytes may have. A group of
// dispatchers has one format at a time: every entry is written in it, and every dispatcher
// must be able to read it.
package format
