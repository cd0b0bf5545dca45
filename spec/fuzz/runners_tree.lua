-- What spec/fuzz/runners.c runs: every backend, probes, and who hears of all.
local rs = require 'runsmith'
local worker = require 'runsmith.worker'

local BUSY = worker.define {
  lifecycle = {
    { 'opening', timeout = 10, on = { opened = 'running', error = 'crashed' } },
    { 'running', heartbeat = 2,
      on = { go = 'running', stop = 'closing', error = 'crashed' } },
    { 'closing', on = { closed = 'stopped', error = 'crashed' } },
    { 'stopped', ends = 'ok' },
    { 'crashed', ends = 'error' },
  },
  running = function() return 'keepalive' end,
}

local function well() return true end

return rs.supervisor 'plant' {
  intensity = { max = 1000, within = 1 },
  on_activity = function() end,
  probes = { rs.probe.lua { check = well } },
  rs.worker 'one' {
    run = BUSY,
    probes = {
      rs.probe.lua { check = well }, rs.probe.output { pattern = 'x' },
      rs.probe.lua { check = well, action = { emit = 'go' } },
    },
  },
  rs.worker 'two' { run = BUSY, backend = 'thread' },
  rs.worker 'three' {
    run = BUSY, backend = 'process', probes = { rs.probe.lua { check = well } },
  },
  rs.supervisor 'edge' {
    isolate = true, strategy = 'one_for_all', on_activity = function() end,
    rs.worker 'four' { run = BUSY }, rs.worker 'five' { run = function() end },
  },
}
