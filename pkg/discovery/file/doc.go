// Package file finds the hosts of clusters of type FILE: in a file of JSON or YAML
// that some other program keeps.
//
// Start at [New]. watch.go looks at a file again and again and says when to read it,
// read.go reads it.
//
// The file is looked at, rather than listened to: that works on every file system,
// through symbolic links and their exchange (as in the volumes of Kubernetes), and
// when another file takes its name. A file that came by a new name or link is read
// at once; one that was written in place is read when it has stayed the same from
// one look to the next, because a YAML file of which only a part is written yet may
// well be read as a file with fewer hosts. Best is to write another file and rename
// it.
//
// A file that is missing, unreadable or wrong is told to the sink, with file, line
// and path of what is wrong, and changes nothing.
package file
