// Package events keeps the last changes of clusters' hosts: which came and went,
// which are well, which were ejected.
//
// Start at [Log]: whoever changes hosts adds an [Event] to it, which also goes to
// the process's log; the admin interface shows the last ones. The memory is that of
// a fixed number of events.
package events
