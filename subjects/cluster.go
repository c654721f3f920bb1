package subjects

// Requests on the group of dispatchers, for [Names.Cluster].
const (
	ClusterUpgrade = "upgrade"
	ClusterClock   = "clock"
)

// The rows of these requests in the table.
var clusterRequests = []Request{
	{Name: "cluster-clock", Topic: TopicCluster, What: ClusterClock, Ordered: true, Forms: forms(form[Empty, OK]()), From: forAdmins},
	{Name: "cluster-upgrade", Topic: TopicCluster, What: ClusterUpgrade, Ordered: true, Forms: forms(form[Empty, Upgraded]()), From: forAdmins},
}

// Upgraded is the reply to the request to write the journal in the newest format that the
// leader knows. From is the format before, To the one from now on; they are equal if
// there was nothing to do.
type Upgraded struct {
	From int `json:"from"`
	To   int `json:"to"`
}
