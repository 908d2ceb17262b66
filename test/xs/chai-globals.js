// chai's index extends these two for its plug-in events; XS has neither, and no plug-in is used here.
globalThis.EventTarget ??= class EventTarget {
	addEventListener() {}
	removeEventListener() {}
	dispatchEvent() {
		return true;
	}
};
globalThis.Event ??= class Event {
	constructor(type) {
		this.type = type;
	}
};
