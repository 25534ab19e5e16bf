"""`files.*`: uploading by address, and looking files up.

https://docs.slack.dev/messaging/working-with-files#uploading_files
"""

import mimetypes
from dataclasses import replace

from sandbox.slack.call import Answer, Args, Call, Method, Methods
from sandbox.slack.content_rules import check_blocks
from sandbox.slack.errors import SlackError
from sandbox.slack.messages import Content, Message, SharedFile
from sandbox.slack.methods.places import place_to_post
from sandbox.slack.platform import Platform


class FileMethods:
    """Files."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def table(self) -> Methods:
        """The methods by name."""
        write = ("files:write",)
        return {
            "files.getUploadURLExternal": Method(self.upload_url, write, tier=4),
            "files.completeUploadExternal": Method(self.complete, write, tier=4),
            "files.info": Method(self.info, ("files:read",), tier=4),
            "files.delete": Method(self.delete, write, tier=3),
        }

    def upload_url(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/files.getUploadURLExternal"""
        name = call.args.required("filename")
        length = call.args.number("length", 0)
        if length <= 0:
            raise SlackError("invalid_arguments")
        file = SharedFile(
            id=self._platform.ids.entity("F"),
            team_id=call.team_id,
            user_id=call.installation.bot_user_id,
            name=name,
            title=name,
            media_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
            size_bytes=length,
            created_at=self._platform.clock.now(),
            complete=False,
        )
        self._platform.files[file.id] = file
        return {
            "upload_url": f"{self._platform.base_url()}/upload/v1/{file.id}",
            "file_id": file.id,
        }

    def complete(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/files.completeUploadExternal"""
        given = call.args.objects("files")
        if not given:
            raise SlackError("invalid_arguments")
        channels = [
            place_to_post(self._platform, Call(Args({"channel": channel}), call.installation))
            for channel in _channels(call.args)
        ]
        blocks = call.args.objects("blocks", "invalid_blocks")
        comment = call.args.text("initial_comment")
        if blocks and comment:
            raise SlackError("invalid_arguments")
        check_blocks(blocks)
        files = tuple(self._completed(str(each.get("id")), each.get("title")) for each in given)
        thread_ts = call.args.text("thread_ts") or None
        for channel in channels:
            message = Message(
                team_id=call.team_id,
                channel_id=channel.id,
                ts=self._platform.ids.ts(),
                user_id=call.installation.bot_user_id,
                bot_id=call.installation.bot_id,
                thread_ts=thread_ts,
                subtype="file_share",
                versions=self._platform.first_version(
                    Content(text=comment, blocks=blocks, files=files)
                ),
            )
            self._platform.post(message)
        return {"files": [self._platform.payloads.file(file) for file in files]}

    def info(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/files.info"""
        file = self._platform.files.get(call.args.required("file"))
        if file is None or file.team_id != call.team_id:
            raise SlackError("file_not_found")
        return {"file": self._platform.payloads.file(file) | self._shares(file)}

    def delete(self, call: Call) -> Answer:
        """https://docs.slack.dev/reference/methods/files.delete"""
        wanted = call.args.required("file")
        if self._platform.files.pop(wanted, None) is None:
            raise SlackError("file_not_found")
        self._platform.file_contents.pop(wanted, None)
        return {}

    def _completed(self, file_id: str, title: object) -> SharedFile:
        file = self._platform.files.get(file_id)
        if file is None or file_id not in self._platform.file_contents:
            raise SlackError("file_not_found")
        completed = replace(file, complete=True, title=str(title or file.title))
        self._platform.files[file_id] = completed
        return completed

    def _shares(self, file: SharedFile) -> dict[str, object]:
        """Where a file was shared, as `shares` of its message timestamps by channel."""
        public: dict[str, list[dict[str, object]]] = {}
        for message in self._platform.messages.everything():
            if any(each.id == file.id for each in message.content.files):
                share: dict[str, object] = {"ts": message.ts, "team_id": message.team_id}
                if message.thread_ts is not None:
                    share["thread_ts"] = message.thread_ts
                public.setdefault(message.channel_id, []).append(share)
        return {"channels": sorted(public), "shares": {"public": public} if public else {}}


def _channels(args: Args) -> list[str]:
    named = [args.text("channel_id"), *args.text("channels").split(",")]
    return [channel for channel in named if channel]
