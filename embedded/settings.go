package embedded

import (
	"fmt"

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
	if err != nil {
		return fmt.Errorf("let clients see the settings of JetStream: %w", err)
	}
	return nil
}
