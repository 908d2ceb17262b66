/**
 * Every deadline, interval and limit of the firmware, each with the reason for its value.
 *
 * Times are milliseconds unless the name says seconds. What a person may change stands in the configuration table
 * (src/agent/settings.ts) and takes its default and its bounds from here.
 */

export const intervals = {
	// RDFM's own Linux client asks every 900 s and servers are sized for that; Mender's default of 1800 s is no better
	// for a device that wants its update today, and an idle poll costs less than 2 KB.
	pollSeconds: 900,

	// A demo or a test wants its update now.
	leastPollSeconds: 1,

	// A week is the slowest tier that a known server (Mender's smallest plan) asks for. A device that is silent for
	// longer looks dead, and timers of 32 bits end at 24 days.
	mostPollSeconds: 604_800,

	// Polls are spread by a tenth to either side at random, so that devices that were switched on together drift apart
	// within a few polls. RainMaker, mender-mcu and Golioth do not do that; their servers see it.
	pollSpread: 0.1,

	// First limit after a failure. A server that restarts is back within seconds; full jitter draws 1 s on average.
	retryBase: 2_000,

	// Full jitter may draw zero; a loop without any pause would busy the radio and the server.
	retryFloor: 250,

	// A Retry-After beyond a day is a mistake of the server's and must not silence a device for good.
	retryLongest: 86_400_000,

	// On trial the device tries to check in this many times within its deadline at the least, so that one lost
	// connection does not cost a good firmware.
	trialTries: 6,

	// A token is replaced this long before its end by the server's own lifetime hint: a check takes two round trips,
	// and a request that arrives with a token that has just ended costs another two. RDFM's Linux client takes 5 s.
	tokenMargin: 5_000,

	// Lifetime hints below this are not believed: renewing before each request would double the traffic for nothing,
	// because a 401 renews the token anyway.
	leastTokenLifetime: 30_000,
} as const;

export const deadlines = {
	// UDP loses queries; a resolver asks again after a few seconds, three times at most.
	resolve: 10_000,

	// TCP and TLS together. A handshake takes an ESP32 1.2 to 3 s (measured by others); lossy Wi-Fi and a repeated SYN
	// (1, 3 and 7 s) come on top.
	connect: 30_000,

	// The handshake's share of it: a server that accepts and then says nothing is not worth 30 s.
	handshake: 20_000,

	// The network takes no byte of a request: TCP has repeated itself after 1, 3 and 7 s by then.
	send: 20_000,

	// From the last byte of a request to the head of its answer. Servers run database queries here; gunicorn's own
	// limit, which ends a stuck worker with a closed connection, is 30 s.
	answer: 35_000,

	// The longest time without a single byte in the middle of an answer. Wi-Fi that roams comes back within 10 s.
	stall: 30_000,

	// A whole exchange of a small message, whatever happens in it.
	exchange: 90_000,

	// A new firmware on trial has to have checked in by then or is rolled back. RainMaker takes 90 s, AWS 60 s,
	// Mongoose 120 s; Wi-Fi and a slow DHCP server take 20 s of it. Seconds, because it is configured so.
	checkInSeconds: 90,

	// Less than one handshake on a slow chip would roll back every firmware.
	leastCheckInSeconds: 5,

	// An hour on trial is an hour in which a power cut undoes the update.
	mostCheckInSeconds: 3_600,

	// How long an unused connection is kept. It holds 20 to 40 KB on a device: long enough for the calls of one poll and
	// for a demo that polls every few seconds, too short to matter to a device that polls every quarter of an hour.
	keepAlive: 15_000,

	// A clean close takes one round trip; a server that does not answer must not keep a device from restarting.
	goodbye: 3_000,

	// A device that could not even start (no memory, storage that fails) restarts after this: slow enough for a person to
	// read the console, fast enough for one that nobody watches.
	restartAfterFailure: 60_000,

	// Between the log line that announces a restart and the restart: a UART at 115200 baud empties its buffer of 128
	// bytes in 11 ms, and connections get their closing segment out.
	restartPause: 100,
} as const;

export const limits = {
	// A log line's text. ESP-IDF's default console buffer is 256 bytes.
	logText: 240,

	// Answers of servers, in characters: the largest is an offer whose link was presigned (up to 2 KB).
	jsonText: 4_096,
	jsonField: 3_072,

	// RDFM's and Mender's messages have two and five levels.
	jsonDepth: 8,

	// One body of a small exchange, in bytes. Error pages of web frameworks are larger at times; nothing past this is
	// read, and it counts as an error either way.
	exchangeBody: 4_096,

	// What is quoted from a server's error text in our own errors, in characters.
	quotedText: 120,

	// The block that a download passes on at a time: a flash sector is 4 KiB. Larger blocks make hashing a little
	// faster (1.06 times plain C at 4 KiB, 1.01 at 16 KiB) and cost their size in memory.
	blockBytes: 4_096,
	mostBlockBytes: 16_384,

	// A trial that a power cut or brown-out ended says nothing against the firmware; three in a row do.
	trials: 3,

	// An update that the device itself could not carry out (flash, storage) is tried this often.
	deviceFaults: 3,

	// Connections at a time: each TLS session costs a device 20 to 40 KB, and a third does not fit.
	connections: 2,

	// Origins whose TLS session is kept for resumption: the server's and the storage's. A session takes 100 to 1,500
	// bytes.
	tlsSessions: 2,

	// Metadata of one device, so that a request stays within one TCP segment of 1,440 bytes.
	fact: 64,
} as const;
