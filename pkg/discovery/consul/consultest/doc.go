// Package consultest runs real Consul agents for tests.
//
// [Start] runs an agent that is a server by itself, [StartACL] one that asks for
// tokens, [StartTLS] one that also speaks https, and [StartCluster] several servers
// with state on disk. Agents are processes of their own on free ports of the
// loopback interface; they end with the test, even when the test process is killed.
// None of them is returned before it has a leader and answers.
//
// The program is the one that WEIR_CONSUL names, or bin/consul, which `make consul`
// builds. Where it is missing, a test that needs it is left out with a loud word, and
// fails if CI=true.
package consultest
