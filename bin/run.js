#!/usr/bin/env node
// What an old Node reads, too: nothing newer than Node 14 in here and in older-node.js.
import module from 'node:module'

const [major, minor] = process.versions.node.split('.').map(Number)
const stripsTypes = major > 23 || (major === 23 && minor >= 6) || (major === 22 && minor >= 18)
// before anything is loaded: what was compiled once need not be again
if (stripsTypes) module.enableCompileCache()
import(stripsTypes ? '../dist/main.js' : './older-node.js')
