"""What was logged, on disk until the server has it.

A spool is a folder of one run and one process:

    run.json          what the run is, and which server it is for; never a credential
    owner             which process writes here; touched now and then
    sender            which process sends from here, if any
    000001.spool ...  segments of records: sets of names, rows of points, facts about the run, cuts
    cursor            how far the server has everything; may be lost or old without harm
    rejected/         batches that the server refused, with its reason
    last-lines        what a process that died printed at the end

The writer cuts the records into windows, each of which is understood by itself and is one batch. The cuts are part of
the log, so whoever reads it makes the same batches with the same numbers, and a batch that is sent again is known by its
number. Nothing here needs a lock that outlives a process, or a database: training disks are often NFS or Lustre.
"""
