from doitstack.dodo import *
