// Package node runs what one process of a system needs, a NATS server and a
// dispatcher on it, and starts and stops them in order.
//
//	n, err := node.Start(ctx, node.Config{Listen: "127.0.0.1:4222", Store: "./data"})
//	if err != nil {
//		return err
//	}
//	defer n.Stop()
//
// # Start
//
// [Start] starts the server, waits until it can store, connects, starts the
// dispatcher, and returns when a dispatcher of the system answers: this one, or the
// leader that it stands by for. If any of that fails, or its context ends, it undoes
// all of it and returns why. A context that ends afterwards does nothing.
//
// # While it runs
//
// If the server or the dispatcher fails, [Node.Done] is closed and [Node.Err] says
// why. As with package embedded that is a report and no clean-up: the node is to be
// stopped all the same.
//
// # Stop
//
// [Node.Stop] stops the dispatcher, which hands over, closes the connections that the
// node made, and shuts the server down. Workers say goodbye to the dispatcher: let
// them end before.
package node
