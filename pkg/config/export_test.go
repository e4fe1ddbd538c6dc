package config

// Update reports whether the tests are to rewrite what they compare with.
func Update() bool { return *update }
