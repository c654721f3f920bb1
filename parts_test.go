package ha_test

// The test of purity runs the go command, which builds the packages that are to be
// pure. With this import they are built before, by the go command that runs the tests;
// otherwise, where nothing is in Go's cache yet, two would build the same at the same
// time. The import links no server.
import _ "github.com/seed261fe303/ha/dispatcher"
