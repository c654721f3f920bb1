package embedded

import (
	"fmt"
	"strings"

	"github.com/nats-io/nats-server/v2/server"
)

// settingsSubject asks servers how their JetStream is set up. nats-server answers it for the system
// account only.
const settingsSubject = "$SYS.REQ.SERVER.PING.JSZ"

// openSettings lets every client ask how JetStream is set up: whether it waits for the disk is what a
// dispatcher wants to know. It is to be called again whenever nats-server has read its options again.
func (s *Server) openSettings() error {
	system := s.ns.SystemAccount()
	err := system.AddServiceExportWithResponse(settingsSubject, server.Streamed, nil)
	if err == nil {
		err = s.ns.GlobalAccount().AddServiceImport(system, settingsSubject, settingsSubject)
	}
	// A member of a cluster keeps it when the options are read again. nats-server has no name for that.
	if err != nil && !strings.HasPrefix(err.Error(), "duplicate service import") {
		return fmt.Errorf("let clients see the settings of JetStream: %w", err)
	}
	return nil
}
