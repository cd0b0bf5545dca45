-- Package descriptions dropped into a folder become JSON results in another one.
--
-- ETL_DIR: an absolute path, where the folders are made; ETL_SOURCE: the file that is
-- split and dropped at the first start; ETL_PACE: seconds that each file takes at
-- least, to watch it.

local rs = require 'runsmith'

local dir = os.getenv 'ETL_DIR' or '/tmp/runsmith-etl'
local source = os.getenv 'ETL_SOURCE' or '/var/lib/dpkg/status'
local pace = tonumber(os.getenv 'ETL_PACE' or 0.005)

return rs.supervisor 'etl' {
  intensity = { max = 100, within = 10 },

  rs.channel 'parsed' { capacity = 64, durable = dir .. '/parsed.db' },
  rs.channel 'records' { capacity = 64, durable = dir .. '/records.db' },

  rs.worker 'feeder' { run = 'feeder', args = { dir = dir, source = source } },
  rs.worker 'poller' { run = 'poller', backend = 'process', args = { dir = dir } },
  rs.worker 'transformer' {
    run = 'transformer', backend = 'thread', args = { pace = pace },
  },
  rs.worker 'writer' { run = 'writer', args = { dir = dir } },
}
