#!/usr/bin/env node
import { enableCompileCache } from 'node:module'

// before anything is loaded: what was compiled once need not be again
enableCompileCache?.()
const { execute } = await import('@oclif/core/execute')
await execute({ dir: import.meta.url })
