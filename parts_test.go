package ha_test

// Some of the tests here run the go command, which builds the programs in the
// documents. With this import all that those programs need is built before, by the
// go command that runs the tests; otherwise, where nothing is in Go's cache yet, two
// would build the same at the same time.
import _ "github.com/seed261fe303/ha/hatest"
