#!/usr/bin/env node
import { enableCompileCache } from 'node:module'

// before anything is loaded: what was compiled once need not be again
enableCompileCache?.()
await import('../dist/main.js')
