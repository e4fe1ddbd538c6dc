// Package consul talks to a Consul agent.
//
// It does three things, which share nothing but the way to the agent:
//
//   - [Source] finds the hosts of clusters in the catalog, by blocking queries: the
//     agent holds a question until there is something new. Start reading at
//     [Source.Watch]. Where connections are fewer than services, they take turns,
//     which the type turns arranges.
//   - [Registrar] announces services, keeps them announced, and takes them back.
//   - [Configs] reads configuration out of the key/value store.
//
// The way to the agent is the type client: Consul's own library over connections of
// weir's own, with limits on what is read, with a token that is read again when its
// file changes, and without the environment variables that the library would obey.
package consul
