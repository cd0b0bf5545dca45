-- places.lua -- where everything is: one folder, three ports on loopback.

local dir = os.getenv 'SERVICES_DIR' or '/tmp/runsmith-services'
local port = tonumber(os.getenv 'SERVICES_PORT' or 18400)

return { dir = dir, web = port, redis = port + 1, mqtt = port + 2 }
