"""All that a list tells of each entry of the folders named: list_folders.py FOLDER…

But for when an entry was last read, and when a folder itself was last touched, which is the server's start.
"""
import os
import sys

from smbprotocol.file_info import FileInformationClass
from smbprotocol.exceptions import NoMoreFiles

from one_client import OneClient

client = OneClient()
for name in sys.argv[1:]:
    folder = client.open(name, folder=True)
    while True:
        try:
            entries = folder.query_directory("*", FileInformationClass.FILE_ID_FULL_DIRECTORY_INFORMATION)
        except NoMoreFiles:
            break
        for entry in entries:
            value = {field: entry[field].get_value() for field in entry.fields}
            entry_name = value["file_name"].decode("utf-16-le")
            told = [value["file_attributes"], value["end_of_file"], value["allocation_size"], value["file_id"]]
            times = ["creation", "last_write"] + ["change"] * (entry_name not in (".", ".."))
            told += [value[f"{time}_time"] for time in times]
            print(f'{name}: "{entry_name}"', *told, f'ea={value["ea_size"]}')
    folder.close()
sys.stdout.flush()
os._exit(0)
