export default class Channel {
	static get parameters() @ "xs_channel_get_parameters";
	static emit(text) @ "xs_channel_emit";
	static listen(callback) @ "xs_channel_listen";
	static exit(code) @ "xs_channel_exit";
	static collect() @ "xs_channel_collect";
	static nativeHeap() @ "xs_channel_nativeHeap";
}
