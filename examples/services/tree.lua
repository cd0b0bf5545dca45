-- Three services that this project did not write, and a worker that needs all of them.

local rs = require 'runsmith'
local mqtt = require 'mqtt'
local places = require 'places'
local redis = require 'redis'
local uv = require 'luv'

local DIR = places.dir
local PAGE = ('http://127.0.0.1:%d/'):format(places.web)
local HERE = uv.fs_realpath(debug.getinfo(1, 'S').source:match '^@(.*)/[^/]+$' or '.')

-- Its configuration is copied at the first start; from then on the copy counts.
local SETUP = [[
  set -eu
  mkdir -p "$DIR/www"
  [ -e "$DIR/www/index.html" ] || echo '0 served' > "$DIR/www/index.html"
  [ -e "$DIR/$FILE" ] && exit
  sed -e "s|@DIR@|$DIR|g" -e "s|@PORT@|$PORT|g" "$HERE/$FILE" > "$DIR/$FILE.new"
  mv "$DIR/$FILE.new" "$DIR/$FILE"
]]

local function service(fields, file, port)
  fields.pre = { 'sh', '-c', SETUP }
  fields.env = { DIR = DIR, HERE = HERE, FILE = file, PORT = port }
  fields.restart = 'permanent'
  if fields.reload then fields.files = { DIR .. '/' .. file } end
  return fields
end

return rs.supervisor 'services' {
  intensity = { max = 60, within = 60 },
  backoff = { first = 0.1, max = 2, reset = 10 },

  rs.command 'redis' (service({
    exec = { 'redis-server', DIR .. '/redis.conf' },
    ready = rs.probe.tcp { port = places.redis, every = 0.05 },
    probes = {
      rs.probe.memory { max = '64M', every = 1 },
      -- A stopped one still accepts connections; only an answer tells that it lives.
      rs.probe.lua {
        every = 0.5, failures = 2,
        check = function() return redis.ask(places.redis, 'PING') == 'PONG' end,
      },
    },
  }, 'redis.conf', places.redis)),

  rs.command 'mosquitto' (service({
    exec = { 'mosquitto', '-c', DIR .. '/mosquitto.conf' },
    ready = rs.probe.tcp { port = places.mqtt, every = 0.05 },
    reload = 'HUP',
    probes = {
      rs.probe.memory { max = '64M', every = 1 },
      rs.probe.lua {
        every = 0.5, failures = 2,
        check = function()
          mqtt.greet(places.mqtt)
          return true
        end,
      },
    },
  }, 'mosquitto.conf', places.mqtt)),

  rs.command 'nginx' (service({
    exec = { 'nginx', '-e', 'stderr', '-p', DIR, '-c', DIR .. '/nginx.conf' },
    stop = 'QUIT',
    reload = 'HUP',
    ready = rs.probe.http { url = PAGE, every = 0.05 },
    probes = {
      rs.probe.http {
        url = PAGE, contains = 'served', every = 0.5, failures = 2,
      },
      rs.probe.memory { max = '64M', every = 1 },
    },
  }, 'nginx.conf', places.web)),

  rs.worker 'clerk' {
    run = 'clerk', args = places, backend = 'process', restart = 'permanent',
    after = { 'redis', 'mosquitto', 'nginx' },
    probes = {
      rs.probe.lua { every = 0.5, failures = 2, check = function()
        local up, waiting = pcall(redis.ask, places.redis, 'LLEN', 'orders')
        if not up then return nil, 'redis does not answer' end
        return waiting < 5, waiting .. ' orders wait'
      end },
    },
  },
}
