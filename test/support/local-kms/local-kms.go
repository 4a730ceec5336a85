//go:build tools

// Package kms keeps local-kms, the KMS server of the service tests, among the requirements of go.mod.
package kms

import _ "github.com/nsmithuk/local-kms"
