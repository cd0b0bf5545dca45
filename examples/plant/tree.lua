-- A camera over a belt, an algorithm that looks for bad washers, what it finds in a
-- database, a device that the network can find, and a page to see it all and break it.
--
-- PLANT_DIR: where the database is, and the faults that are switched on; PLANT_PORT:
-- the page's; PLANT_ONVIF_PORT: for WS-Discovery; PLANT_BUILD: where CMake has put what
-- is C, if not beside the program.

local rs = require 'runsmith'
local uv = require 'luv'
require 'discovery' -- defines the probe of that name

local dir = os.getenv 'PLANT_DIR' or '/tmp/runsmith-plant'
local port = tonumber(os.getenv 'PLANT_PORT' or 8080)
local onvif_port = tonumber(os.getenv 'PLANT_ONVIF_PORT' or 3702)
local build = os.getenv 'PLANT_BUILD'
  or uv.exepath():match '^(.*)/' .. '/examples/plant'
local here = uv.fs_realpath(debug.getinfo(1, 'S').source:sub(2)):match '^(.*)/'

local driver = build .. '/libplant_camera.so'
if not uv.fs_stat(driver) then
  error(driver .. ' is not there: build runsmith, or set PLANT_BUILD')
end

local args = {
  dir = dir, database = dir .. '/plant.db', faults = dir .. '/faults', fps = 15,
  driver = driver, page = here .. '/page', port = port,
}

-- Whatever is broken for long is tried again, ever more slowly.
local patience = { max = 60, within = 30 }
local backoff = { first = 0.2, factor = 2, max = 5, jitter = 0.1, reset = 4 }

return rs.supervisor 'plant' {
  intensity = patience, backoff = backoff,

  -- Whoever is too slow, or dead, misses frames; who looks at them for the third time
  -- and dies of it has them set aside.
  rs.channel 'frames' {
    capacity = 8, overflow = 'drop_oldest', attempts = 2, rejects = 'suspects',
  },
  rs.channel 'suspects' { capacity = 16, overflow = 'drop_oldest' },
  rs.channel 'results' { capacity = 8192, overflow = 'drop_oldest' },
  rs.channel 'pictures' { capacity = 4, overflow = 'drop_oldest' },
  rs.channel 'verdicts' { capacity = 16, overflow = 'drop_oldest' },
  rs.channel 'chores' { capacity = 16, overflow = 'drop_oldest' },

  -- A driver that hangs or crashes takes its process along: it has one of its own.
  rs.supervisor 'line' {
    isolate = true,
    intensity = patience, backoff = backoff,
    rs.worker 'camera' { run = 'camera', backend = 'thread', args = args },
  },

  rs.worker 'inspector' {
    run = 'inspector', backend = 'process', args = args,
    probes = { rs.probe.memory { max = '128M', every = 0.5 } },
  },

  rs.supervisor 'records' {
    isolate = true,
    intensity = patience, backoff = backoff,
    rs.worker 'recorder' { run = 'recorder', args = args },
    rs.worker 'keeper' {
      run = 'keeper', backend = 'process', stall = 1, after = { 'recorder' },
      args = args,
    },
  },

  rs.command 'onvif' {
    exec = { build .. '/plant_onvif', tostring(onvif_port), args.faults },
    ready = 'notify', heartbeat = 1, shutdown = 2, restart = 'permanent',
    probes = {
      rs.probe.ws_discovery {
        port = onvif_port, wait = 0.4, every = 0.25, failures = 5,
      },
    },
  },

  rs.worker 'web' {
    run = 'web', backend = 'thread', restart = 'permanent', args = args,
    probes = {
      rs.probe.http {
        url = ('http://127.0.0.1:%d/health'):format(port), every = 1, failures = 3,
      },
    },
  },
}
