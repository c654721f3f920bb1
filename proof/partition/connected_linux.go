package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// established is the state of a connection in the kernel's table.
const established = "01"

var errNotConnected = errors.New("not connected to a server")

// connectedTo returns the address of the server that a process is connected to.
func connectedTo(pid int) (string, error) {
	sockets, err := socketsOf(pid)
	if err != nil {
		return "", err
	}
	table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(table)) {
		// number, own address, the other's, state, …; the tenth is the inode.
		words := strings.Fields(line)
		if len(words) < 10 || words[3] != established || !slices.Contains(sockets, words[9]) {
			continue
		}
		address, port, _ := strings.Cut(words[2], ":")
		if n, err := strconv.ParseUint(port, 16, 16); err != nil || n != clientPort {
			continue
		}
		raw, err := hex.DecodeString(address)
		if err != nil || len(raw) != net.IPv4len {
			return "", fmt.Errorf("an address of the kernel's table: %q", address)
		}
		slices.Reverse(raw) // as this machine keeps numbers
		return net.IP(raw).String(), nil
	}
	return "", errNotConnected
}

// socketsOf returns the inodes of the sockets that a process has open.
func socketsOf(pid int) (inodes []string, err error) {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	files, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		target, err := os.Readlink(filepath.Join(dir, f.Name()))
		if err != nil {
			continue // closed meanwhile
		}
		if inode, ok := strings.CutPrefix(target, "socket:["); ok {
			inodes = append(inodes, strings.TrimSuffix(inode, "]"))
		}
	}
	return inodes, nil
}
