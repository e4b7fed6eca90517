"""The recorder's HTTP API and its typed client, the only door that other programs use.

JSON over aiohttp on a Unix socket of mode 0600, or over TCP with TLS and a bearer token:

    GET    /v1/status                          RecorderStatus
    GET    /v1/feed?after=SEQ                  newline-separated FeedItem, endless; a heartbeat every 15 s;
                                               without `after` no stored events
    PUT    /v1/settings                        Settings → RecorderStatus
    POST   /v1/volumes/check                   VolumeConfig → VolumeCheck
    POST   /v1/probe                           ProbeRequest → ProbeResult
    PUT    /v1/cameras/{camera_id}             CameraConfig → CameraStatus
    DELETE /v1/cameras/{camera_id}             204; footage, runs and gaps stay
    GET    /v1/cameras/{camera_id}/still       image/jpeg of the newest picture
    GET    /v1/cameras/{camera_id}/coverage?start_us=&end_us=   Coverage
    POST   /v1/exports                         ExportRequest → 202 ExportJob
    GET    /v1/exports/{export_id}?wait_s=     ExportJob, at once or when it is done
    POST   /v1/shutdown                        202; ends worker and supervisor

A failure answers 4xx or 5xx with `{"error": Problem}`.
"""
