/**
 * Every deadline, interval and limit of the firmware, each with the reason for its value.
 *
 * Times are milliseconds unless the name says seconds. What a person may change stands in the configuration table
 * (src/agent/settings.ts) and takes its default and its bounds from here.
 */
import { frozen } from "fleetling/frozen/frozen";

export const intervals = frozen({
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

	// Mender's own default for its inventory: eight hours. People look at it, updates do not depend on it.
	inventorySeconds: 28_800,

	// A deployment that is aborted during its download is noticed within this time. Each question costs 600 bytes; most
	// downloads end before the first.
	askAbort: 5_000,

	// A configuration with which the device has run for so long does not crash it at once: there is time to ask the server for
	// another one if it does later.
	configurationProof: 60_000,

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

	// First limit of the pause before a management link that was lost is opened again: a server that restarts is back within
	// seconds, and a person may be waiting. RDFM's Linux client begins with 0.2 s, its Android client with 2 s.
	linkRetryBase: 1_000,

	// And the last: one TLS handshake a minute on average costs a device little, and a server that comes back sees its
	// fleet spread over two minutes.
	linkRetryCap: 120_000,

	// A link that has held for so long was a good one: the next failure starts from the beginning. Longer than the two pings
	// (25 s each) after which RDFM finds out that a device does not answer.
	linkStable: 60_000,

	// RDFM offers an action again 5 s after it was told that the queue is full, if somebody waits for it. So long after a
	// result, what has not come again will not.
	actionsRenew: 8_000,

	// Lines of the log that wait for the server when the device has nothing else to say to it.
	logUpload: 60_000,

	// So long after the device has talked to its server its connection is still there, and what the answer has set in motion
	// has begun; and so long between two batches.
	logSettle: 500,

	// A log is not worth more tries than that: it is lost line by line, and what is lost is counted.
	logRetryBase: 5_000,
	logRetryCap: 900_000,

	// RDFM keeps a connection that has gone until a ping was not answered, 52 s at the most (observed), and refuses another
	// one of the same device meanwhile.
	duplicateLink: 60_000,

	// Whoever has something open on a device through Mender's device connect is asked so often whether he is still there. A
	// terminal in a browser gives up 65 s after it was asked last, as the server's own client for Linux has it do.
	sessionPing: 60_000,

	// First limit of the pause before a download that was cut goes on. Most cuts are a moment of bad radio, and every second
	// of pause is one more in which the power can go.
	downloadRetryBase: 1_000,

	// Wi-Fi that roams or a router that restarts is back within this time.
	downloadRetryCap: 30_000,

	// A device that has waited for its update window starts within this time after the window has opened (and within a
	// quarter of the window), at random: without it a whole fleet would ask for its package in the same second.
	windowSpread: 600_000,

	// An application that has said "not now" without a time is asked again after this, and by the next poll at the earliest.
	askAgain: 60_000,

	// However long an application wants to be left alone, it is asked again within a day: what it knew then is old now.
	askAgainAtLeast: 86_400_000,

	// How long a package that failed here is left alone (`retryFailHours`). A week: a trial that failed for a reason outside
	// of the package (the server was down just then) gets another chance without a person, and a package that is really bad
	// costs one download and one restart a week; the time doubles with each failure. RDFM's own clients fetch it with every
	// poll, Mender's for ever.
	retryFailHours: 168,

	// A year: everything beyond is meant to be "never", which is 0.
	mostRetryFailHours: 8_760,
} as const);

export const deadlines = frozen({
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

	// So many times as long has a trial that begins after the supply has broken down: the access point and the router next
	// to the device have had the same power cut and take two to three minutes to come back.
	weakSupplyFactor: 3,

	// Less than one handshake on a slow chip would roll back every firmware.
	leastCheckInSeconds: 5,

	// An hour on trial is an hour in which a power cut undoes the update.
	mostCheckInSeconds: 3_600,

	// A whole download may take this long and the time that the package takes at the slowest rate (limits). Handshakes and
	// the pauses after a handful of cuts fit into it. After that the device looks after its server, and goes on from where
	// it was: one that trickles bytes for days must not keep it from being told to stop.
	download: 120_000,

	// An application that is asked whether an update may go on answers at once or has made a mistake, which must not
	// stop updates. What takes longer, such as asking a person, is a "not now".
	consent: 5_000,

	// How long an unused connection is kept. It holds 20 to 40 KB on a device: long enough for the calls of one poll and
	// for a demo that polls every few seconds, too short to matter to a device that polls every quarter of an hour.
	keepAlive: 15_000,

	// A clean close takes one round trip; a server that does not answer must not keep a device from restarting.
	goodbye: 3_000,

	// A device that could not even start (no memory, storage that fails) restarts after this: slow enough for a person to
	// read the console, fast enough for one that nobody watches.
	restartAfterFailure: 60_000,

	// A shell has to be there 5 s after it was asked for (RDFM); a handshake takes up to 2 s of them. So long a connection
	// that a request is using is waited for.
	shellSeat: 2_500,

	// A file may wait for a connection for so long: polls and most shells' commands are over by then, a download is not; and
	// a person who waits would rather know.
	fileSeat: 20_000,

	// A shell in which nothing has been typed for so long was forgotten, and holds a connection that updates wait for.
	shellIdle: 600_000,

	// So much longer than the time until the next question a terminal is told to wait for it.
	sessionPing: 5_000,

	// A forwarded connection: hosts of the device's own network answer within a second, or after the second SYN (3 s).
	streamConnect: 10_000,

	// A forwarded connection in which nothing has passed for so long. The server's own client for Linux waits as long.
	forwardIdle: 600_000,

	// Somebody who follows the log reads as fast as this.
	logFollow: 200,

	// An "I" that is typed may be the first byte of a packet of Improv. What a program sends in one go comes without such a pause
	// (USB adapters hand on what they have after 16 ms); a person sees the letter late, but not so late as to notice.
	improvHead: 100,

	// A packet of Improv has 265 bytes at the most, which take 23 ms at 115,200 baud, and 276 ms at 9,600.
	improvPacket: 500,

	// An attempt to join a Wi-Fi network takes 20 s at the most on the ESP32 target; the clients of Improv wait 30 s.
	improvConnect: 25_000,

	// An active scan of all channels takes 2 to 3 s.
	improvScan: 10_000,

	// How long an action may take that does not say so itself, in seconds.
	actionSeconds: 30,

	// Between the log line that announces a restart and the restart: a UART at 115200 baud empties its buffer of 128
	// bytes in 11 ms, and connections get their closing segment out.
	restartPause: 100,
} as const);

export const limits = frozen({
	// A log line's text. ESP-IDF's default console buffer is 256 bytes.
	logText: 240,

	// The last lines of the log, for a shell and for a server that collects them: some 40 of them.
	logMemory: 4_096,

	// The same on a device without managers, for a server that takes the log of an update that has failed: a dozen lines.
	deploymentLog: 1_024,

	// Answers of servers, in characters: the largest is an offer whose link was presigned (up to 2 KB).
	jsonText: 4_096,
	jsonField: 3_072,

	// RDFM's and Mender's messages have two and five levels.
	jsonDepth: 8,

	// One body of a small exchange, in bytes. Error pages of web frameworks are larger at times; nothing past this is
	// read, and it counts as an error either way.
	exchangeBody: 4_096,

	// What a server sets of the configuration, in characters of JSON: a text in NVS has to fit into one of its pages (4,000 bytes)
	// and is there twice while it is replaced. All of Fleetling's own keys take 200.
	wanted: 2_048,

	// Configuration keys that an application may declare: with Fleetling's own, Mender's server takes 100 in a report.
	declaredKeys: 32,

	// A message of a manager's that comes in, in bytes: the largest asks for a file and brings a presigned link (2 KB).
	conversationMessage: 4_096,

	// Bytes of one frame that goes out. It is the size of a buffer that lives as long as the link; most messages have less
	// than 200 bytes, and a larger one goes as several frames.
	conversationFragment: 512,

	// Bytes that may wait to be sent through a link: the results of two actions.
	conversationQueue: 8_192,

	// The same of Mender's device connect, whose server puts up to 4,096 bytes of a file and 200 around them into one; what is
	// pasted into a terminal comes in one message as well. Its own client for Linux takes as much.
	connectMessage: 8_192,

	// Bytes that have to be free on the way out before another message is read there: what it is answered with has a third of
	// that at the most.
	answerRoom: 1_024,

	// Properties and fields of such a message that are looked at: none has more than seven.
	frameProperties: 8,

	// Actions that a device offers. Their list is one message: 16 of 150 bytes fit into half of what may wait to be sent.
	actions: 16,

	// Those of them that every device has: identify, reboot, and a server's own update check. The configuration cannot have
	// more than leaves room for them: a list that does not fit would keep the device from starting.
	standardActions: 3,

	// Longest time-out of an action, in seconds: RDFM's server waits two hours for a result.
	actionSeconds: 7_200,

	// Executions that may wait while another one runs. RDFM sends all that has piled up at once, and the rest with the next
	// connection; each takes 300 bytes of memory. Fewer than are remembered.
	actionQueue: 8,

	// Executions that are remembered, so that none takes place twice: those that a lost connection can have left without an
	// answer, and as many more. Each takes 100 bytes of storage, of which a small device has 12 KB.
	actionRecords: 16,

	// Of those, results that keep their output, which a server can ask for again after a lost connection only.
	actionOutputs: 4,

	// Output of an action, in characters.
	actionOutput: 768,

	// One batch of lines for the server, in lines and characters: a request within one TCP segment as a rule, and 3 KB of
	// memory.
	logBatch: 8,
	logBatchText: 768,

	// Paths of files that managers ask for, in characters: what file systems of small devices take (SPIFFS 32, littlefs 255).
	path: 255,

	// Names that the list of a directory shows: some 2 KB.
	listing: 64,

	// Files that may be asked for while another one is sent. Each takes 300 bytes of memory and a link that may have 2 KB.
	fileQueue: 2,

	// Parts of one file. RDFM's have 10 MiB, more than the flash of most devices; their links have to fit into one message.
	fileParts: 16,

	// A file that a manager sends, in bytes: as much as a file of an update, so that a mistake does not fill a small file system.
	uploadBytes: 1_048_576,

	// Bytes of a file in one message of Mender's device connect, as its server sends them too; and how many such messages may
	// be on their way without having been acknowledged.
	connectChunk: 4_096,
	connectWindow: 20,

	// Connections that managers may have forwarded at one time. A browser opens six for a page and makes do with fewer; each
	// takes 1.5 KB and a socket, of which a chip has 10 to 16.
	forwards: 4,

	// Bytes that all of them together may have waiting for other ends that are slow: the largest message that managers send,
	// and some that are small.
	forwardHeld: 6_144,

	// Bytes of a forwarded connection in one message: there is one on its way each way, and up to four connections.
	forwardBytes: 2_048,

	// The block that a file passes through on its way out: it fits into a TLS record, which RDFM wants to have 4,096 bytes at
	// the most, with a second one beside it.
	fileBlock: 2_048,

	// What is quoted from a server's error text in our own errors, in characters.
	quotedText: 120,

	// The block that a download passes on at a time: a flash sector is 4 KiB. Larger blocks make hashing a little
	// faster (1.06 times plain C at 4 KiB, 1.01 at 16 KiB) and cost their size in memory.
	blockBytes: 4_096,
	mostBlockBytes: 16_384,

	// A trial that a power cut or brown-out ended says nothing against the firmware, and is repeated without fetching
	// anything. Three in a row do: a firmware that draws more current than the supply gives looks the same.
	trials: 3,

	// How often the record of one update may be stored without the download getting any further. A good update takes
	// three; three trials that the power ends take nine, and as many cuts in a download that are hit before the next mark
	// still fit. More than that is a device that goes round in circles: mender-mcu counts to 28 for the same reason.
	stores: 28,

	// Tries in a row that brought nothing new, before the device asks its server for a fresh link. Two radio gaps of 30 s.
	downloadTries: 5,

	// The slowest download that is waited for, in bytes per second: half of what GPRS gives.
	slowestRate: 1_024,

	// A power cut costs at most this much of a download: modules/ota notes progress in the slot in steps of this size.
	resumeStep: 65_536,

	// What a storage host calls a package (ETag) is kept to go on after a restart, in characters. S3's have 34, RDFM's 40.
	validator: 128,

	// What a form of package may add around the image that it holds: an unpacked artifact has 11 KB.
	packageOverhead: 65_536,

	// An update that the device itself could not carry out (flash, storage) is tried this often.
	deviceFaults: 3,

	// Connections at a time: each TLS session costs a device 20 to 40 KB, and a third does not fit.
	connections: 2,

	// A chip with PSRAM has memory for more: the management link, requests, and two shells.
	mostConnections: 4,

	// Shells at one time, where there are connections for them.
	shellSessions: 2,

	// Origins whose TLS session is kept for resumption: the server's and the storage's. A session takes 100 to 1,500
	// bytes.
	tlsSessions: 2,

	// Wi-Fi networks that a device shows to whoever sets it up, the strongest: 700 bytes through the serial port.
	scannedNetworks: 12,

	// Metadata of one device, so that a request stays within one TCP segment of 1,440 bytes.
	fact: 64,
} as const);
