-- A queue in a folder, watched by kinds of probe that are this project's own.

local rs = require 'runsmith'
require 'kinds'

return rs.supervisor 'mill' {
  intensity = { max = 5, within = 10 },

  rs.worker 'grinder' {
    run = 'grinder',
    probes = {
      -- Stuck: sacks wait and none has been ground lately. One rule alone would not do.
      rs.probe.stuck { folder = 'sacks', max = 3, idle = 1, every = 0.2, failures = 2 },
      -- Only told, and only when it has lasted.
      rs.all {
        rs.probe.backlog { folder = 'sacks', max = 6 },
        rs.no(rs.probe.file { path = 'fire' }),
        every = 0.2, hold = 0.5, action = 'warn',
      },
    },
  },
}
