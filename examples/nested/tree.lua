-- Every backend in one tree, three supervisors deep.

local rs = require 'runsmith'
require 'daemon' -- defines the backend of that name

local function meter(args) return { run = 'meter', args = args } end

-- Fields added to a meter's.
local function with(fields, more)
  for name, value in pairs(more) do
    fields[name] = value
  end
  return fields
end

return rs.supervisor 'plant' {
  rs.worker 'poller' (meter { what = 'requests' }),
  rs.worker 'logbook' (with(meter { what = 'pages' }, { after = { 'poller' } })),

  rs.supervisor 'workshop' {
    strategy = 'rest_for_one',
    rs.worker 'lathe' (with(meter { what = 'turns' }, { backend = 'thread' })),
    rs.worker 'press' (with(meter { what = 'strokes' }, { backend = 'process' })),
    rs.command 'fan' { exec = { 'sh', '-c', 'while sleep 1; do echo whirr; done' } },
  },

  rs.supervisor 'yard' {
    isolate = true,
    vms = 2,
    strategy = 'one_for_all',
    rs.worker 'gate' (meter { what = 'lorries' }),
    rs.worker 'camera' (meter { what = 'pictures' }),
    rs.supervisor 'depot' {
      rs.worker 'crane' (with(meter { what = 'loads' }, { backend = 'thread' })),
      rs.worker 'generator' { backend = 'daemon', args = { exec = 'sleep 100000' } },
    },
  },
}
