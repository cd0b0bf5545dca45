-- feeder.lua -- drops the parts of a real file into the inbox, once, whatever happens.
--
-- All parts are prepared in a folder of its own before the first is dropped, and a mark
-- tells that they are: killed before, it begins anew; killed after, it drops the rest.

local files = require 'files'
local fs = require 'std.fs'
local log = require 'std.log'
local worker = require 'runsmith.worker'

local function prepare(own, source)
  local count = 0
  for stanza in (assert(fs.read(source)) .. '\n'):gmatch '(Package: .-\n)\n' do
    count = count + 1
    local name = stanza:match '^Package: ([^\n]+)'
    local arch = stanza:match '\nArchitecture: ([^\n]+)' or 'none'
    files.write(('%s/%s_%s'):format(own, name, arch), stanza)
  end
  return count
end

return worker.define {
  lifecycle = {
    { 'preparing', timeout = 60, on = { prepared = 'dropping', error = 'crashed' } },
    { 'dropping', timeout = 60, on = { dropped = 'finished', error = 'crashed' } },
    { 'finished', ends = 'ok' },
    { 'crashed', ends = 'error' },
  },
  preparing = function(self, ctx)
    self.own, self.inbox = ctx.args.dir .. '/feeder', ctx.args.dir .. '/inbox'
    self.mark = ctx.args.dir .. '/fed'
    assert(fs.mkdir(self.inbox))
    if not fs.stat(self.mark) then
      fs.remove(self.own, { recursive = true }) -- what one that was killed had begun
      assert(fs.mkdir(self.own))
      files.write(self.mark, tostring(prepare(self.own, ctx.args.source)))
    end
    return 'prepared'
  end,
  dropping = function(self)
    local names = assert(fs.list(self.own))
    for _, name in ipairs(names) do
      assert(fs.rename(self.own .. '/' .. name, self.inbox .. '/' .. name))
    end
    log.info(('dropped %d files into %s'):format(#names, self.inbox))
    return 'dropped'
  end,
}
